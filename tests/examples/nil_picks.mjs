// A detector in JavaScript: a picker who finds nothing where the book shows stock. Run it with
//   stocktwin run detector.command="node tests/examples/nil_picks.mjs"
// A message comes as one line of JSON: first the hello, then one a step. One line goes out a step.
import { createInterface } from "node:readline";

let hello = null;
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (hello === null) {
    hello = message; // names of locations, items and exception types, opening hours, settings
    continue;
  }
  const findings = message.rows
    .filter((row) => row.event_type === "picking" && row.status === "nil" && row.location && row.item)
    .map((row) => ({ type: "phantom_stock", location: row.location, item: row.item, evidence: [row.event_id] }));
  process.stdout.write(JSON.stringify({ findings }) + "\n");
}
