package example

import com.google.protobuf.DescriptorProtos.MethodOptions
import com.google.rpc.BadRequest
import com.google.rpc.ErrorInfo
import dev.devspaces.authz.v1.AccessProto
import dev.devspaces.space.v1.SpaceAccess
import dev.devspaces.space.v1.SpaceServiceGrpcKt.SpaceServiceCoroutineStub
import dev.devspaces.space.v1.SpaceServiceProto
import dev.devspaces.space.v1.createSpaceRequest
import dev.devspaces.space.v1.listSpacesRequest
import dev.devspaces.space.v1.space
import io.grpc.Grpc
import io.grpc.InsecureChannelCredentials
import io.grpc.Metadata
import io.grpc.Status
import io.grpc.StatusException
import io.grpc.protobuf.StatusProto
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking

/** A client of devspaces in Kotlin, on stubs by protoc-gen-grpc-kotlin and messages by protoc. */
fun main(arguments: Array<String>) {
  val channel = Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build()
  val token = Metadata()
  val header = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER)
  token.put(header, "Bearer ${System.getenv("DEVSPACES_TOKEN")}")
  try {
    val spaces = SpaceServiceCoroutineStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS)
    runBlocking { run(spaces, token) }
  } finally {
    channel.shutdownNow()
  }
}

private suspend fun run(spaces: SpaceServiceCoroutineStub, token: Metadata) {
  val request = createSpaceRequest { space = space { displayName = "Made in Kotlin" } }
  val created = spaces.createSpace(request, token)
  val shown = spaces.listSpaces(listSpacesRequest {}, token).spacesList.filter { it.space.name == created.name }
  equal(listOf(SpaceAccess.ConsoleRole.CONSOLE_ROLE_ADMIN), shown.map { it.consoleRole })

  val refused =
    try {
      spaces.createSpace(createSpaceRequest { space = space {} }, token)
      throw AssertionError("a space without a name was not refused")
    } catch (refused: StatusException) {
      refused
    }
  explains(refused)

  val method = SpaceServiceProto.getDescriptor().findServiceByName("SpaceService").findMethodByName("GetSpace")
  val options: MethodOptions = method.options
  equal("space.get", options.getExtension(AccessProto.access).getRequire(0).permission)
  println("ok: ${created.name}")
}

private fun explains(refused: StatusException) {
  equal(Status.Code.INVALID_ARGUMENT, refused.status.code)
  val details = StatusProto.fromThrowable(refused)!!.detailsList
  val info = details.first { it.`is`(ErrorInfo::class.java) }.unpack(ErrorInfo::class.java)
  equal(listOf("devspaces.dev", "INVALID_FIELD"), listOf(info.domain, info.reason))
  val request = details.first { it.`is`(BadRequest::class.java) }.unpack(BadRequest::class.java)
  equal(listOf("space.display_name"), request.fieldViolationsList.map { it.field })
}

private fun equal(expected: Any, found: Any) {
  if (expected != found) throw AssertionError("expected $expected, found $found")
}
