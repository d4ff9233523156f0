export { restaurantScenarios } from './variants/index.js';
