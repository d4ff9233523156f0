export { hotelScenarios } from './variants/index.js';
