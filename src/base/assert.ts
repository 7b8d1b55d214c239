/** Thrown when the program itself is wrong; never for input from outside. */
export class Bug extends Error {
  override name = 'Bug'
}

/** @throws Bug when `condition` is false. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Bug(message)
}
