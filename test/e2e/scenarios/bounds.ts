/** How long a blackout may be, in measured round trips. The machine's own noise and a busy CI runner are in `extraMs`. */
import type { Bound } from './scenario.ts'

/** No path stands by: detect, connect, resume, replay. Two round trips over TCP at best, three over WebSocket. */
export const COLD: Bound = { rounds: 8, extraMs: 200 }

/** As COLD; but of so many a few lose their SYN on the busy path, and the next attempt starts 250 ms later. */
export const MANY: Bound = { rounds: 12, extraMs: 450 }

/** The old path lives until the new one carries: nothing is lost, the move may not be noticed by much. */
export const PLANNED: Bound = { rounds: 4, extraMs: 200 }

/** Somebody has to be in doubt first: a side with bytes outstanding, after three round trips and 100 ms at least. */
export const DOUBT: Bound = { rounds: 16, extraMs: 700 }

/** Nobody says that the path is back: the next attempt finds it, and attempts are at most 5 s apart after a while. */
export const SILENT: Bound = { rounds: 8, extraMs: 5_000 }

/** Only a heartbeat can tell: 15 s, its answer's 1 s, and another try. */
export const HEARTBEAT: Bound = { rounds: 16, extraMs: 17_000 }
