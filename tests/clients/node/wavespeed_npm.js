// WaveSpeed's JavaScript client (npm `wavespeed` 0.3.2): the path surface.
// Usage: BASE=… KEY=… node wavespeed_npm.js PROMPT MODEL SIZE; SYNC=1 waits in the submit.
const { Client } = require("wavespeed");

// The client tells its retries on standard output, where one line of JSON belongs.
console.log = console.error;

async function main() {
  const [prompt, model, size] = process.argv.slice(2);
  const pause = Number(process.env.POLL_S || 1);
  const client = new Client(process.env.KEY, {
    baseUrl: process.env.BASE,
    maxRetries: Number(process.env.MAX_RETRIES || 0),
    retryInterval: pause,
  });
  const options = { pollInterval: pause, enableSyncMode: process.env.SYNC === "1" };
  try {
    const result = await client.run(`${model}/text-to-image`, { prompt, size }, options);
    return { outcome: "completed", outputs: result.outputs };
  } catch (error) {
    const refused = String(error.message).includes("submission failed");
    return { outcome: refused ? "refused" : "failed", message: String(error.message) };
  }
}

main().then((said) => {
  process.stdout.write(JSON.stringify(said) + "\n");
  process.exitCode = said.outcome === "completed" ? 0 : 1;
});
