/** One reader of bytes from outside, and what must hold whatever those bytes are. */
export interface Target {
  readonly name: string
  /** Longer inputs are not made. */
  readonly inputBytesMax: number
  /** One input takes at most `msBase` and `msPerKib` for each KiB of it; the runner asks again before it believes its clock. */
  readonly msBase: number
  readonly msPerKib: number
  /** Inputs between two looks at the coverage; few where one input is slow. */
  readonly batch: number
  prepare(): Promise<Prepared>
}

export interface Prepared {
  /** Valid inputs, from the real encoders. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything when the invariant does not hold */
  run(input: Uint8Array): void | Promise<void>
  close?(): Promise<void>
}
