/** Text that others chose, made harmless: it can neither begin a line of its own nor steer the terminal. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}
