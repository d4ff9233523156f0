import { EngineError } from '../engine/contract.js';

/** Tries again where the machine was too busy for the server's timers. */
export async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof EngineError) || tries === 3) throw error;
    }
  }
}
