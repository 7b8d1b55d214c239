/** The plaintext of one record while it is being filled. */
export class Record {
  readonly parts: Uint8Array[] = []
  bytes = 0
  readonly bytesMax: number

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get isFull(): boolean {
    return this.bytes >= this.bytesMax
  }

  add(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.parts.push(part)
      this.bytes += part.length
    }
  }
}
