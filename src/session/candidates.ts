/** Which carrier may carry a proposal, from when on, and which of them is the best. */
import { LIMITS } from '../base/limits.ts'
import type { Link } from './link.ts'

/** What a move is wanted for, as Migration has it. */
export interface Need {
  readonly active: Link | undefined
  readonly plan: { readonly since: number } | undefined
  readonly doubtedSince: number | undefined
  /** Defined while no carrier is active. */
  readonly suspendedAt: number | undefined
  /** The peer may know a session here, so only the process that does may hear of it again. */
  readonly hasShared: boolean
}

/** From when on `link` may carry a proposal of ours. The dialer of a fresh carrier proposes first. */
export function candidateFrom(link: Link, need: Need): number {
  const { active, plan, doubtedSince, suspendedAt } = need
  if (link === active || link.held !== undefined || link.retireFrom !== undefined) return Number.POSITIVE_INFINITY
  const isFresh = link.readyAt >= Math.max(plan?.since ?? 0, doubtedSince ?? 0)
  if (active !== undefined && !(link.isDialed && isFresh)) return Number.POSITIVE_INFINITY
  const canSpeak = link.isHelloReceived || link.isResumed || !need.hasShared
  if (!canSpeak) return Number.POSITIVE_INFINITY
  if (link.isDialed) return Math.max(link.readyAt, answerFrom(need))
  // A carrier of an earlier epoch may be as dead as its dialer knows it to be, who is on the way with another.
  const since = Math.max(link.readyAt, suspendedAt!)
  return link.isHelloReceived && link.isConfirmed ? since + LIMITS.announceMs : Number.POSITIVE_INFINITY
}

/** The one heard last, of those that may carry a proposal now. */
export function bestCandidate(links: Iterable<Link>, need: Need, now: number): Link | undefined {
  let best: Link | undefined
  for (const link of links) {
    if (candidateFrom(link, need) > now) continue
    if (best === undefined || link.lastHeardAt > best.lastHeardAt) best = link
  }
  return best
}

/** A doubted carrier may answer its probe first: the round trip that a candidate needs anyway, and a little. */
function answerFrom({ active, doubtedSince }: Need): number {
  if (active === undefined || doubtedSince === undefined) return Number.NEGATIVE_INFINITY
  return doubtedSince + 1.25 * (active.rttMs ?? 0) + LIMITS.doubtGraceMs
}
