import type { HostPort } from '../base/endpoint.ts'

/** Something that takes connections of local applications. */
export interface Capture {
  /** What is listened on, with the real port. */
  readonly local: HostPort
  /** Takes no more; connections handed over stay. Harmless when repeated. */
  close(): Promise<void>
}
