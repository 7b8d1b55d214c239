/** What a child that is one of this benchmark's own says over its IPC channel. */
import type { Child } from './children.ts'

/** @throws Error when the child failed, ended, or did not answer in time */
export function nextAnswer<A extends { readonly tell: string }, T extends A['tell']>(
  child: Child,
  wanted: T,
  timeoutMs: number,
): Promise<Extract<A, { tell: T }>> {
  const { process, label } = child
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer)
      process.off('message', onMessage).off('exit', onExit)
      act()
    }
    const onExit = () => settle(() => reject(new Error(`${label} ended; its output:\n${child.log}`)))
    const onMessage = (answer: A | { readonly tell: 'failed'; readonly why: string }) => {
      if (answer.tell === wanted) settle(() => resolve(answer as Extract<A, { tell: T }>))
      else if (answer.tell === 'failed') settle(() => reject(new Error(`${label}: ${(answer as { why: string }).why}`)))
    }
    const late = () => settle(() => reject(new Error(`${label} did not answer within ${timeoutMs} ms`)))
    const timer = setTimeout(late, timeoutMs)
    process.on('message', onMessage).once('exit', onExit)
  })
}
