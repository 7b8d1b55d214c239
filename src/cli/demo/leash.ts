/**
 * Runs a program that ends with the demo: node leash.js DIRECTORY PROGRAM ARGS…
 *
 * The demo holds the other end of standard input and writes nothing. The kernel closes it however the demo ends, so that
 * nothing is left behind even when it was killed and could not clean up: neither this process nor DIRECTORY and its keys.
 */
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

// What is left is the command line of PROGRAM.
const [, directory] = process.argv.splice(1, 2)
process.stdin.resume().once('close', () => {
  rmSync(directory!, { recursive: true, force: true, maxRetries: 3 })
  process.exit(1)
})
await import(pathToFileURL(process.argv[1]!).href)
