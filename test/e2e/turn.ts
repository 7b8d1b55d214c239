/** One stand at a time has the machine to itself: blackouts measured beside another's load would be its noise. */
export class Turn {
  #isTaken = false
  readonly #waiting: (() => void)[] = []

  /** Returns when it is ours, in the order of asking. */
  async take(): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true
      return
    }
    await new Promise<void>(resolve => {
      this.#waiting.push(resolve)
    })
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isTaken = false
    else next()
  }
}
