/** All faults, short ones first. */
import { farKilled, nearKilled } from '../scenarios/killed.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import {
  backFar,
  backNear,
  forwardFar,
  forwardNear,
  pastTheHold,
  sleptFar,
  sleptNear,
  standstillFar,
  standstillNear,
} from './clocks.ts'
import {
  exhaustedFar,
  exhaustedNear,
  fullDisk,
  longStopFar,
  longStopNear,
  overflown,
  shortStopFar,
  shortStopNear,
  starvedFar,
  starvedNear,
} from './host.ts'
import { cutFar, cutNear, probedPath, resetFar, resetNear, shrunkPath } from './network.ts'

export const FAULTS: readonly Scenario[] = [
  shortStopNear,
  shortStopFar,
  killed(nearKilled, 'kill-near'),
  killed(farKilled, 'kill-far'),
  cutNear,
  cutFar,
  resetNear,
  resetFar,
  shrunkPath,
  exhaustedNear,
  exhaustedFar,
  overflown,
  fullDisk,
  starvedNear,
  starvedFar,
  forwardNear,
  forwardFar,
  backNear,
  backFar,
  pastTheHold,
  sleptNear,
  sleptFar,
  standstillNear,
  standstillFar,
  longStopNear,
  longStopFar,
  probedPath,
]

function killed(scenario: Scenario, name: string): Scenario {
  return { ...scenario, name, stand: shortStopNear.stand ?? (() => ({})) }
}
