/** Some of the safe variants without each of their safeguards, anew: what comes of it is what fixtures/zoo says. */
import { expect, it } from 'vitest';
import { readData } from '../bench/zoo/data.js';
import { mutate, safeVariants, withOthers } from '../bench/zoo/mutations.js';
import { allShipped } from '../sim/scenarios.js';

const safe = safeVariants(await allShipped());
const { seed, results } = readData('mutations')!;

/** One of each kind of safeguard: locks of rows, table and key, a level, guards, a re-check, constraints, counts of rows. */
const SOME = [
  'events/conditional',
  'rental/write-lock',
  'rental/advisory-xact',
  'rental/table-lock',
  'rental/serializable',
  'rental/ledger',
  'rental/late-payment',
  'hotel/ends-of-holds',
  'hotel/checked-counts',
  'restaurant/unique-seat',
  'restaurant/locked-rule',
];

it.each(SOME)('%s', { timeout: 120_000 }, async (name) => {
  const known = results.filter(({ variant }) => variant === name);
  expect(known.length).toBeGreaterThan(0);
  const found = withOthers(await mutate(safe.find((scenario) => scenario.name === name)!, seed));
  // Where else one is noticed is known only when all have been tried.
  const alone = (list: typeof known) => list.map((result) => ({ ...result, noticedIn: null }));
  expect(alone(found)).toEqual(alone(known));
});
