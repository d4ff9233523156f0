export * from './context.js';
export * from './plan/generators.js';
export * from './scenario.js';
