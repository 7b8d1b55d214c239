/**
 * Payload passes through OpenSSL into buffers of its own, which V8 counts beside its heap: a busy sidecar makes hundreds of
 * megabytes of them a second, next to a heap of a dozen. V8 takes that for growth of the heap, and each 20 MB marks all of
 * it, which finds nothing: the buffers die young. A third of the sidecar's CPU went there (decision 6).
 */
import { setFlagsFromString } from 'node:v8'
import { LIMITS } from '../base/limits.ts'

/** For a process that is a sidecar and nothing else. A V8 that no longer has the flag ignores it. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${LIMITS.heapGrowingPercent}`)
}
