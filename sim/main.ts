import { commandLine } from './command-line.js';
import { EXIT } from './exit-codes.js';

/** Whoever read our output has gone (`... | head`): there is nobody left to work for. Workers and servers end with us. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.interrupted);
    throw error;
  });

process.exitCode = await commandLine(process.argv.slice(2));
