// The four steps of a first mock, by openapi-fetch with the types of openapi-typescript. Usage: node story.js URL KEY
import createClient from "openapi-fetch";

import type { components, paths } from "./echo.js";

function expect(condition: boolean, message: unknown): asserts condition {
  if (!condition) throw new Error(`openapi-typescript: ${JSON.stringify(message)}`);
}

const [url, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url });
const params = { path: { path: "typescript" } };

const missed = await client.GET("/{path}", { params });
expect(missed.error?.errors[0]?.detail === "Requested page `/typescript` does not exist", missed.error);

const mock: components["schemas"]["NewAttributes"] = {
  verb: "GET",
  path: "/typescript",
  response: { code: 200, headers: { "Content-Type": "text/plain" }, body: "Hello, world" },
};
const created = await client.POST("/endpoints", { body: mock, headers: { Authorization: `Bearer ${key}` } });
expect(created.response.status === 201 && created.data !== undefined && "id" in created.data, created.error);

const served = await client.GET("/{path}", { params, parseAs: "text" });
expect(served.response.status === 200 && String(served.data) === "Hello, world", served.data);

const other = await client.POST("/{path}", { params });
expect(other.response.status === 404 && other.error?.errors[0]?.code === "not_found", other.error);
console.log("ok: openapi-typescript");
