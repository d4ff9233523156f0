import { isUrl, redactUrl } from '../src/index.js';
import type { ExploreArguments } from './explore-arguments.js';
import { shellWord } from './shell-word.js';

/** The command that does the same again: every option that has a say in what is found. */
export function againCommand(args: ExploreArguments, seed: string): string {
  const { engine, postgres, shard, strategy } = args;
  const options: [name: string, value: string | number | null][] = [
    ['--seed', seed],
    ...args.scenarios.map((name): [string, string] => ['--scenario', name]),
    ['--engine', engine === 'both' ? null : engine],
    ['--postgres', postgres === 'auto' ? null : isUrl(postgres) ? redactUrl(postgres) : postgres],
    ['--actors', args.actors],
    ['--capacity', args.capacity],
    ['--isolation', args.isolation?.toLowerCase() ?? null],
    ['--strategy', strategy === 'auto' ? null : strategy],
    ['--plans', args.plans],
    ['--runs', args.runs],
    ['--time', args.timeSeconds],
    ['--max-states', args.maxStates],
    ['--shard', shard.of === 1 ? null : `${shard.index}/${shard.of}`],
  ];
  const given = options.flatMap(([name, value]) => (value === null ? [] : [`${name} ${shellWord(String(value))}`]));
  return ['npm run sim --', ...given, ...(args.reduction ? [] : ['--no-reduction']), ...(args.expect ? ['--expect'] : [])].join(' ');
}
