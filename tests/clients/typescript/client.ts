// A client of devspaces in TypeScript, by Connect over gRPC, on stubs by protoc-gen-es.
import assert from "node:assert/strict";
import { getOption } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { access } from "./generated/devspaces/authz/v1/access_pb.js";
import { SpaceAccess_ConsoleRole, SpaceService } from "./generated/devspaces/space/v1/space_service_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./generated/google/rpc/error_details_pb.js";

const authorize: Interceptor = (next) => (request) => {
  request.header.set("authorization", `Bearer ${process.env.DEVSPACES_TOKEN}`);
  return next(request);
};
const transport = createGrpcTransport({
  baseUrl: `http://${process.argv[2]}`,
  interceptors: [authorize],
  defaultTimeoutMs: 20_000,
});
const client = createClient(SpaceService, transport);

const created = await client.createSpace({ space: { displayName: "Made in TypeScript" } });
const { spaces } = await client.listSpaces({});
const shown = spaces.find(({ space }) => space?.name === created.name);
assert.equal(shown?.consoleRole, SpaceAccess_ConsoleRole.ADMIN);

const refused = await client.createSpace({ space: {} }).then(() => assert.fail("not refused"), ConnectError.from);
assert.equal(refused.code, Code.InvalidArgument, refused.message);
const [info] = refused.findDetails(ErrorInfoSchema);
assert.deepEqual([info?.domain, info?.reason], ["devspaces.dev", "INVALID_FIELD"]);
const fields = refused.findDetails(BadRequestSchema).flatMap((it) => it.fieldViolations.map(({ field }) => field));
assert.deepEqual(fields, ["space.display_name"]);

assert.equal(getOption(SpaceService.method.getSpace, access).require[0]?.permission, "space.get");
console.log("ok:", created.name);
