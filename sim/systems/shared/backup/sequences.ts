import type { Client } from '../../../../src/index.js';

/** The highest value that a sequence has given out, 0 if none. A `bigint` arrives as a string from `pg`. */
export async function highestGiven(client: Client, sequence: string): Promise<number> {
  const { rows } = await client.query<{ last_value: string | number; is_called: boolean }>(`SELECT last_value, is_called FROM ${sequence}`);
  const { last_value, is_called } = rows[0]!;
  return is_called ? Number(last_value) : Number(last_value) - 1;
}

/**
 * Makes sure that a sequence gives out nothing up to `used` again, and never moves it back: ids that were acknowledged after the
 * backup are gone from the tables, yet somebody holds them.
 *
 * Reading and setting are two statements, so whoever draws from the sequence must be locked out meanwhile. `setval` takes effect
 * at once and is not undone by ROLLBACK; moved forward by a restore that fails, the sequence has a gap, which harms nobody.
 */
export async function moveSequenceForward(client: Client, sequence: string, used: number): Promise<void> {
  if ((await highestGiven(client, sequence)) >= used) return;
  await client.query(`SELECT setval('${sequence}', $1)`, [used]);
}
