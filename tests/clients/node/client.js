// A client of devspaces in Node, without stubs: @grpc/proto-loader reads the .proto files.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [address] = process.argv.slice(2);
const { PROTO, GOOGLEAPIS, DEVSPACES_TOKEN } = process.env;

const files = readdirSync(PROTO, { recursive: true }).filter((file) => file.endsWith(".proto"));
const options = { keepCase: true, longs: String, enums: String, includeDirs: [PROTO, GOOGLEAPIS] };
const definitions = loader.loadSync([...files, "google/rpc/status.proto", "google/rpc/error_details.proto"], options);
const { SpaceService } = grpc.loadPackageDefinition(definitions).devspaces.space.v1;

const client = new SpaceService(address, grpc.credentials.createInsecure());
const token = new grpc.Metadata();
token.set("authorization", `Bearer ${DEVSPACES_TOKEN}`);
const call = (method, request) =>
  promisify(client[method].bind(client))(request, token, { deadline: Date.now() + 20_000 });

const created = await call("CreateSpace", { space: { display_name: "Made in Node" } });
const { spaces } = await call("ListSpaces", {});
const access = spaces.find(({ space }) => space.name === created.name);
assert.equal(access?.console_role, "CONSOLE_ROLE_ADMIN");

const refused = await call("CreateSpace", { space: {} }).then(() => assert.fail("not refused"), (error) => error);
assert.equal(refused.code, grpc.status.INVALID_ARGUMENT, refused.message);
const [bytes] = refused.metadata.get("grpc-status-details-bin");
const details = definitions["google.rpc.Status"].deserialize(bytes).details.map(({ type_url, value }) => {
  const type = type_url.slice(type_url.lastIndexOf("/") + 1);
  return [type, definitions[type].deserialize(value)];
});
const { "google.rpc.ErrorInfo": info, "google.rpc.BadRequest": violations } = Object.fromEntries(details);
assert.deepEqual([info.domain, info.reason], ["devspaces.dev", "INVALID_FIELD"]);
assert.deepEqual(violations.field_violations.map(({ field }) => field), ["space.display_name"]);

const { options: listing } = definitions["devspaces.journal.v1.JournalService"].ListEntries;
const anyOf = listing["(devspaces.authz.v1.access)"].any_of.map(({ permission }) => permission);
assert.deepEqual(anyOf, [
  "journal.console.get",
  "journal.billing.get",
  "journal.marketplace.get",
  "people.deactivate",
]);
console.log("ok:", created.name);
client.close();
