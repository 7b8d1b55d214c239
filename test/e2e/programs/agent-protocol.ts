/** What the runner says to a traffic agent and hears from it, one JSON a line. Times are CLOCK_MONOTONIC in ms. */
import type { ProxyPlace } from './proxy-client.ts'

/** What one connection carries. Its first line is this, from the side that connected. */
export interface FlowPlan {
  /** The same word on both sides; also the seed of the bytes. */
  readonly id: string
  /** Does the side that connected send; does the other. A side that does not send keeps its direction open. */
  readonly up: boolean
  readonly down: boolean
  /** `bytes`: a pseudorandom stream, paced at `mbits`. `ticks`: a numbered tick each `tickMs`. */
  readonly kind: 'bytes' | 'ticks'
  readonly mbits?: number
}

export type AgentOrder =
  | { readonly do: 'listen'; readonly tag: string; readonly host: string; readonly port: number }
  /** With a proxy, the host is an IPv4 address; this side has nothing to report before the proxy has said yes. */
  | {
      readonly do: 'open'
      readonly host: string
      readonly port: number
      readonly plan: FlowPlan
      readonly proxy?: ProxyPlace
    }
  /** Sends no more and half-closes. */
  | { readonly do: 'stop'; readonly id: string }
  | { readonly do: 'pause'; readonly id: string }
  | { readonly do: 'resume'; readonly id: string }
  /** Ends the connection by a reset. */
  | { readonly do: 'reset'; readonly id: string }
  /** Nobody will ask for it again. */
  | { readonly do: 'forget'; readonly id: string }
  /** Gaps that ended before `gapsFromMs` are left out. */
  | { readonly do: 'report'; readonly id: string; readonly tag: string; readonly gapsFromMs: number }
  /** Times TCP connects, one after the other. */
  | { readonly do: 'rtt'; readonly tag: string; readonly host: string; readonly port: number; readonly count: number }

export interface FlowReport {
  readonly id: string
  readonly state: 'connecting' | 'open' | 'closed' | 'failed'
  /** The code of the error it failed with. */
  readonly error: string | null
  readonly failedAtMs: number | null
  readonly openedAtMs: number | null
  /** Connections with this ID that the listener has accepted, and where they came from. */
  readonly accepts: number
  readonly remotes: readonly string[]
  readonly sentBytes: number
  /** Of all that was sent, once its end was. */
  readonly sentSha256: string | null
  readonly receivedBytes: number
  /** Of all that was received, once the other side has ended. */
  readonly receivedSha256: string | null
  /** Offset of the first byte, or number of the first tick, that is not what was sent; null: a true prefix. */
  readonly wrongAt: number | null
  readonly lastArrivalMs: number | null
  /** Times longer than GAP_MIN_MS without arrivals, in order, as far as they were asked for. */
  readonly gaps: readonly Gap[]
}

export interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

export type AgentAnswer =
  | { readonly event: 'listening'; readonly tag: string; readonly port: number }
  | { readonly event: 'report'; readonly tag: string; readonly report: FlowReport | null }
  | { readonly event: 'rtt'; readonly tag: string; readonly samplesMs: readonly number[] }
  | { readonly event: 'refused'; readonly tag: string; readonly message: string }

/** A tick is its number and the time it was sent, both as float64. */
export const TICK_BYTES = 16
export const TICK_MS = 2
/** Shorter gaps are the machine's own noise. */
export const GAP_MIN_MS = 8
/** Gaps kept per direction; later ones are not. */
export const GAPS_MAX = 20_000

/** The clock both sides of a connection share, since they run on one machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
