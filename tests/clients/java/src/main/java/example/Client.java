package example;

import com.google.protobuf.Any;
import com.google.protobuf.DescriptorProtos.MethodOptions;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import dev.devspaces.authz.v1.AccessProto;
import dev.devspaces.space.v1.CreateSpaceRequest;
import dev.devspaces.space.v1.ListSpacesRequest;
import dev.devspaces.space.v1.Space;
import dev.devspaces.space.v1.SpaceAccess;
import dev.devspaces.space.v1.SpaceServiceGrpc;
import dev.devspaces.space.v1.SpaceServiceProto;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A client of devspaces in Java, on stubs by protoc-gen-grpc-java. */
public final class Client {
  public static void main(String[] arguments) throws Exception {
    var channel = Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    try {
      var token = new Metadata();
      var header = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
      token.put(header, "Bearer " + System.getenv("DEVSPACES_TOKEN"));
      run(
          SpaceServiceGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(token))
              .withDeadlineAfter(20, TimeUnit.SECONDS));
    } finally {
      channel.shutdownNow();
    }
  }

  private static void run(SpaceServiceGrpc.SpaceServiceBlockingStub spaces) throws Exception {
    var made = Space.newBuilder().setDisplayName("Made in Java");
    var created = spaces.createSpace(CreateSpaceRequest.newBuilder().setSpace(made).build());
    var roles =
        spaces.listSpaces(ListSpacesRequest.getDefaultInstance()).getSpacesList().stream()
            .filter(access -> access.getSpace().getName().equals(created.getName()))
            .map(SpaceAccess::getConsoleRole)
            .toList();
    equal(List.of(SpaceAccess.ConsoleRole.CONSOLE_ROLE_ADMIN), roles);

    try {
      spaces.createSpace(CreateSpaceRequest.newBuilder().setSpace(Space.getDefaultInstance()).build());
      throw new AssertionError("a space without a name was not refused");
    } catch (StatusRuntimeException refused) {
      explains(refused);
    }

    var method = SpaceServiceProto.getDescriptor().findServiceByName("SpaceService").findMethodByName("GetSpace");
    MethodOptions options = method.getOptions();
    equal("space.get", options.getExtension(AccessProto.access).getRequire(0).getPermission());
    System.out.println("ok: " + created.getName());
  }

  private static void explains(StatusRuntimeException refused) throws Exception {
    equal(io.grpc.Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode());
    for (Any detail : StatusProto.fromThrowable(refused).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        var info = detail.unpack(ErrorInfo.class);
        equal(List.of("devspaces.dev", "INVALID_FIELD"), List.of(info.getDomain(), info.getReason()));
      } else if (detail.is(BadRequest.class)) {
        var fields = detail.unpack(BadRequest.class).getFieldViolationsList();
        equal(List.of("space.display_name"), fields.stream().map(BadRequest.FieldViolation::getField).toList());
        return;
      }
    }
    throw new AssertionError("no BadRequest in the details", refused);
  }

  private static void equal(Object expected, Object found) {
    if (!expected.equals(found)) {
      throw new AssertionError("expected " + expected + ", found " + found);
    }
  }
}
