/** Where the demo plays: something with two hosts whose addresses really change. */
import type { ChildProcess } from 'node:child_process'

export interface StageEvent {
  /** What happens, for people. */
  readonly title: string
  run(): Promise<void> | void
}

export interface Stage {
  /** One sentence: what is real here, and what is not. */
  readonly about: string
  /** Endpoints of the far sidecar, as the near one is configured. */
  readonly endpoints: readonly string[]
  /** What the far sidecar listens on. */
  readonly farListen: string
  /** In the order in which they happen. */
  readonly events: readonly StageEvent[]
  /** Starts `node ARGS` on a host; its standard input ends with this process. */
  spawn(host: 'near' | 'far', args: readonly string[]): ChildProcess
  end(): void
}
