/** A process that explores once: prints the milliseconds that its first exploration took, modules loaded but nothing warmed up. */
import { exploreBookers } from '../bookers.js';

const since = performance.now();
await exploreBookers({ actors: Number(process.argv[2]), beginIsStep: true });
console.log(performance.now() - since);
