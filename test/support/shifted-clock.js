/** Preloaded into a process: its clocks are ahead by ODIN_TEST_CLOCK_AHEAD milliseconds. */
import { performance } from 'node:perf_hooks';

const aheadMs = Number(process.env.ODIN_TEST_CLOCK_AHEAD);
const { timeOrigin } = performance;
const now = Date.now.bind(Date);
Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + aheadMs });
Date.now = () => now() + aheadMs;
