export { rentalScenarios } from './variants/index.js';
