import { github } from './github.js';
import { json } from './json.js';
import { junit } from './junit.js';
import { markdown } from './markdown.js';
import type { Reporter } from './reporter.js';
import { text } from './text.js';

/** All there are, by name. A new one is a file, and a line here. */
export const REPORTERS: Readonly<Record<string, Reporter>> = Object.fromEntries(
  [text, markdown, json, junit, github].map((reporter) => [reporter.name, reporter]),
);
