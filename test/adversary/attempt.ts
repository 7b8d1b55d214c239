/** One thing that an adversary tries, and what may come of it. */
import type { Stage } from './stage.ts'

export interface Attempt {
  /** What is attempted. */
  readonly what: string
  /** Whose memory, descriptors and CPU are watched. @default the office */
  readonly victim?: 'office' | 'laptop'
  /** What it is refused with: the outcome has to be this. */
  readonly refusedWith: string
  /** Resident memory of the attacked process may grow by so much, and its descriptors. @default 96 MiB, 32 */
  readonly growthBytesMax?: number
  readonly descriptorsMax?: number
  /** CPU time that the attacked process may take. @default 5 s */
  readonly cpuMsMax?: number
  /** @returns what came back, in the words of `refusedWith` */
  run(stage: Stage): Promise<string>
}

export const GROWTH_BYTES_MAX = 96 * 1024 * 1024
export const DESCRIPTORS_MAX = 32
export const CPU_MS_MAX = 5_000
