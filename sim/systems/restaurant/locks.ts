import type { Client } from '../../../src/index.js';

/** Locks a slot's capacity rule, which stands for the slot on every date; false where there is none. */
export async function lockRule(client: Client, restaurantId: number, slot: string): Promise<boolean> {
  const { rows } = await client.query('SELECT slot FROM capacity_rules WHERE restaurant_id = $1 AND slot = $2 FOR UPDATE', [
    restaurantId,
    slot,
  ]);
  return rows.length === 1;
}
