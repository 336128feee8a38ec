// Reads a JSON array of texts, writes for each [number of segments, encoding] as Twilio's calculator has it.
import { readFileSync } from "node:fs";
import calculator from "sms-segments-calculator";

const texts = JSON.parse(readFileSync(0, "utf8"));
const counted = texts.map((text) => {
  const message = new calculator.SegmentedMessage(text);
  return [message.segmentsCount, message.encodingName];
});
process.stdout.write(JSON.stringify(counted));
