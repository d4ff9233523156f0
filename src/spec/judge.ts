import { UnmodelledError } from '../engine/contract.js';
import type { ModelEngine } from '../engine/model/engine.js';
import type { IsolationLevel } from '../scenario.js';
import { Chooser } from './chooser.js';
import { comparer } from './compare.js';
import { conduct, SpecRunError } from './conduct.js';
import type { SpecEvent } from './events.js';
import { ModelStage } from './model-stage.js';
import type { Permutation, Specification } from './specification.js';

/** What the model says of a permutation that the server has shown. */
export type Judgement = { readonly permutation: string } & (
  | { readonly kind: 'agrees' }
  /** `after`: the last thing that both have shown; null where they differ from the start. */
  | { readonly kind: 'differs'; readonly after: string | null; readonly server: string; readonly model: string }
  | { readonly kind: 'unmodelled'; readonly reason: string }
  /** So many ways were tried on the model, and there are more. */
  | { readonly kind: 'undecided'; readonly ways: number }
);

export interface JudgeOptions {
  /** What a transaction has that names no level. */
  readonly isolation: IsolationLevel;
  /** Ways that are tried on the model to find the one that the server took. */
  readonly ways: number;
}

/** Looks for a way on the model that shows what the server has shown. */
export async function judge(
  engine: ModelEngine,
  specification: Specification,
  permutation: Permutation,
  seen: readonly SpecEvent[],
  { isolation, ways }: JudgeOptions,
): Promise<Judgement> {
  const name = permutationName(permutation);
  const expected = seen.map(comparer()).filter((text) => text !== null);
  const chooser = new Chooser();
  let nearest: Departed = { event: -1, model: '' };
  try {
    for (let way = 1; way <= ways; way += 1) {
      const stage = await ModelStage.open(specification, isolation, engine, chooser);
      const departed = await follow(specification, permutation, stage, expected);
      if (departed === null) return { permutation: name, kind: 'agrees' };
      if (departed.event > nearest.event) nearest = departed;
      if (!chooser.next()) {
        const { event, model } = nearest;
        return { permutation: name, kind: 'differs', after: expected[event - 1] ?? null, server: expected[event] ?? NOTHING, model };
      }
    }
    return { permutation: name, kind: 'undecided', ways };
  } catch (error) {
    if (!(error instanceof UnmodelledError)) throw error;
    return { permutation: name, kind: 'unmodelled', reason: error.message };
  }
}

export const permutationName = (permutation: Permutation): string => permutation.map(({ step }) => step.name).join(' ');

const NOTHING = 'nothing further';

interface Departed {
  readonly event: number;
  readonly model: string;
}

/** One way on the model, up to where it shows something else; null where it never does. */
async function follow(
  specification: Specification,
  permutation: Permutation,
  stage: ModelStage,
  expected: readonly string[],
): Promise<Departed | null> {
  const toText = comparer();
  let event = 0;
  try {
    await conduct(specification, permutation, stage, (happened) => {
      const shown = toText(happened);
      if (shown === null) return;
      if (shown !== expected[event]) throw new Departure(shown);
      event += 1;
    });
  } catch (error) {
    if (!(error instanceof Departure || error instanceof SpecRunError)) throw error;
    return { event, model: error.message };
  }
  return event === expected.length ? null : { event, model: NOTHING };
}

/** The model shows something else than the server. */
class Departure extends Error {}
