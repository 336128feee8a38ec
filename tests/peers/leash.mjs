// Put before a peer's own program (`node --import ./leash.mjs <program>`): whatever it was told, its first server
// listens on a free loopback port, which is said in a line of the log, and it ends when its standard input does,
// so that nothing is left running when a test run is killed.
import net from "node:net";

const listen = net.Server.prototype.listen;
let told = false;

net.Server.prototype.listen = function (...given) {
  const whenListening = given.find((one) => typeof one === "function");
  this.once("listening", () => {
    if (told) return;
    told = true;
    process.stdout.write(`leash: ${this.address().port}\n`);
  });
  return listen.call(this, { port: 0, host: "127.0.0.1" }, whenListening);
};

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
