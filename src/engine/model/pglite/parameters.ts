import utils from 'pg/lib/utils.js';
import { UnmodelledError } from '../../contract.js';
import type { TypeId } from './type-ids.js';

/** A parameter as `pg` sends it, as text. Bytes go as they are there, and are the same as this text where the type is bytea. */
export function parameterText(parameter: unknown): string | null {
  const prepared = utils.prepareValue(parameter);
  if (prepared === null || prepared === undefined) return null;
  return Buffer.isBuffer(prepared) ? `\\x${prepared.toString('hex')}` : String(prepared);
}

const BYTEA = 17;

/** Bytes for anything else are read in that type's binary form. */
export function refuseBinary(parameters: readonly unknown[], types: readonly TypeId[]): void {
  if (parameters.some((parameter, index) => Buffer.isBuffer(parameter) && types[index] !== BYTEA))
    throw new UnmodelledError('a binary parameter of another type than bytea');
}
