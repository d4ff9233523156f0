export { eventsScenarios } from './variants/index.js';
