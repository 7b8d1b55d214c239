/**
 * What becomes of a command whose readers go away: `| head`, a log driver that restarts, a terminal that is closed. Without a
 * listener Node makes such an error an uncaught exception.
 *
 * - stderr has log lines. A line that cannot be written is dropped, and nothing else happens.
 * - stdout is what a short command is for, so without a reader it has nothing left to do: it ends, and that is no failure.
 * - Where stdout cannot take more, as a full disk, what was asked for is missing: it says so and fails.
 * - A sidecar carries sessions, whoever reads: once it starts, it outlives its readers.
 */
export function watchStandardStreams(): void {
  process.stderr.on('error', drop)
  process.stdout.on('error', endWithReader)
}

/** From here on the end of stdout is not the end of this process. */
export function outliveReaders(): void {
  process.stdout.off('error', endWithReader)
  process.stdout.on('error', drop)
}

function drop(): void {}

function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`holdfast: cannot write to standard output: ${error.message} (FILE_UNWRITABLE)\n`)
  process.exit(1)
}
