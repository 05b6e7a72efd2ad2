// A real OpenID provider, oidc-provider, issues tokens for a running suite, changes its keys twice, is gone for a while and
// comes back, and takes a key away, while people call all the time. No valid token may be refused, and none be taken by a key
// after the suite knows that it is gone.
//
//     node trial.mjs DEVSPACES [SECONDS]      the program to try, and for how long the provider is gone (60)
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Provider } from "oidc-provider";

const [program, gone = "60"] = process.argv.slice(2);
const OLD_AFTER = 5; // seconds, the setting refresh

function newKey(kid, alg) {
  const { privateKey } = alg.startsWith("ES")
    ? generateKeyPairSync("ec", { namedCurve: alg === "ES384" ? "P-384" : "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

// The provider, in its own process's stead: a server that can be closed, and a set of keys of which the first signs.
const identity = { keys: [], server: undefined, port: 0 };

async function listen() {
  identity.server = http.createServer((request, response) => identity.answer(request, response));
  await new Promise((resolve) => identity.server.listen(identity.port, "127.0.0.1", resolve));
  identity.port = identity.server.address().port;
}

function signsWith(keys) {
  identity.keys = keys;
  const iss = `http://127.0.0.1:${identity.port}`;
  const provider = new Provider(iss, {
    clients: [{ client_id: "ada", client_secret: "secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }],
    jwks: { keys },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:devspaces",
        getResourceServerInfo: () => ({
          scope: "api",
          audience: "devspaces",
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: keys[0].alg, kid: keys[0].kid } },
        }),
      },
    },
  });
  identity.answer = provider.callback();
}

async function token() {
  const response = await fetch(`http://127.0.0.1:${identity.port}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from("ada:secret").toString("base64")}`, "content-type": "application/x-www-form-urlencoded" },
    body: "grant_type=client_credentials",
  });
  if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return (await response.json()).access_token;
}

const folder = mkdtempSync(join(tmpdir(), "devspaces-oidc-"));
const port = 20000 + (process.pid % 20000);
const at = `http://127.0.0.1:${port}`;
const all = "space,membership,billing,marketplace";
const database = ["--services", all, "--database-url", `sqlite:${folder}/{service}.db`];

function run(...args) {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args[0]}: ${stderr}`);
}

async function startSuite() {
  run("keys", `${folder}/keys`);
  run("migrate", ...database);
  const begun = performance.now();
  const suite = spawn(
    program,
    [
      "serve", ...database, "--listen", `127.0.0.1:${port}`,
      "--suite-jwks", `${folder}/keys/suite.jwks.json`, "--service-key-file", `${folder}/keys/{service}.pem`,
      "--issuer", `kind=users,iss=http://127.0.0.1:${identity.port},aud=devspaces,refresh=${OLD_AFTER}`,
      ...all.split(",").flatMap((service) => ["--peer", `${service}=${at}`]),
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DEVSPACES_LOG: "warn" } },
  );
  while (spawnSync(program, ["health", "--address", at]).status !== 0) await sleep(10);
  return { suite, ready: performance.now() - begun };
}

const agent = new http.Agent({ keepAlive: true });
const question = JSON.stringify({
  subject: { type: "user", id: "ada" },
  action: { name: "space.create" },
  resource: { type: "platform", id: "devspaces" },
});

// The status of a check with a token.
function check(bearer) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${at}/access/v1/evaluation`, {
      agent, method: "POST", headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", "content-length": question.length },
    }, (response) => { response.resume(); response.on("end", () => resolve(response.statusCode)); });
    request.on("error", reject);
    request.end(question);
  });
}

const statuses = new Map();
let over = false;
let isGone = false;

async function person() {
  let bearer = await token();
  for (let calls = 0; !over; calls += 1) {
    // A new token now and then, so that most are verified anew after a change of keys.
    if (calls % 20 === 0 && !isGone) bearer = await token().catch(() => bearer);
    const status = await check(bearer);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    await sleep(5);
  }
}

await listen();
signsWith([newKey("k1", "RS256")]);
const { suite, ready } = await startSuite();
try {
  const first = await token();
  const people = Array.from({ length: 16 }, person);
  await sleep(3000);
  signsWith([newKey("k2", "PS256"), ...identity.keys]);
  await sleep(3000);
  signsWith([newKey("k3", "ES384"), ...identity.keys]);
  await sleep(3000);
  isGone = true;
  identity.server.closeAllConnections();
  await new Promise((resolve) => identity.server.close(resolve));
  await sleep(Number(gone) * 1000);
  await listen();
  isGone = false;
  await sleep(3000);
  const before = await check(first);
  signsWith(identity.keys.filter(({ kid }) => kid !== "k1"));
  const removed = performance.now();
  while ((await check(first)) === 200 && performance.now() - removed < 30_000) await sleep(50);
  const known = performance.now() - removed;
  let takenAfterwards = 0;
  for (let calls = 0; calls < 200; calls += 1) takenAfterwards += (await check(first)) === 200 ? 1 : 0;
  over = true;
  await Promise.all(people);
  const told = Object.fromEntries(statuses);
  console.log(JSON.stringify({
    startToReadyMs: Math.round(ready), goneSeconds: Number(gone), statuses: told, byTheOldKeyBefore: before,
    removalKnownAfterMs: Math.round(known), takenByTheRemovedKeyAfterwards: takenAfterwards,
  }));
  const only200 = Object.keys(told).length === 1 && told[200] > 0;
  process.exitCode = only200 && before === 200 && known < 30_000 && takenAfterwards === 0 ? 0 : 1;
} finally {
  agent.destroy();
  suite.kill("SIGTERM");
  identity.server?.close();
  identity.server?.closeAllConnections();
  await new Promise((resolve) => suite.once("exit", resolve));
  rmSync(folder, { recursive: true });
}
