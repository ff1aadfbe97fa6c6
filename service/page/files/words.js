// Numbers, dates and probabilities in words.

import { WORDING } from "../wording.js";

const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});
const NUMBER = new Intl.NumberFormat("en-GB");

/** "7 November 2025" from "2025-11-07". */
export function day(iso) {
  return DAY.format(new Date(`${iso}T00:00:00Z`));
}

/** "1 document", "2,000 documents". */
export function counted(number, noun, plural = `${noun}s`) {
  return `${NUMBER.format(number)} ${number === 1 ? noun : plural}`;
}

/** "3.4 MB" from 3400000. */
export function size(bytes) {
  if (bytes < 1000) return counted(bytes, "byte");
  return bytes < 1e6
    ? `${Math.round(bytes / 1e3)} kB`
    : `${(bytes / 1e6).toFixed(1).replace(/\.0$/, "")} MB`;
}

/** "96 %" from 0.96. Never 0 or 100, since no probability here is certain. */
export function percent(share) {
  return `${Math.min(99, Math.max(1, Math.round(share * 100)))}\u202f%`;
}

/** The name of a confidence, and how many of five bars it fills. */
export function sureness(confidence) {
  const levels = WORDING.confidenceLevels;
  const level = levels.findIndex(([least]) => Math.round(confidence * 100) >= least);
  return { words: levels[level][1], bars: Math.max(1, 5 - level) };
}
