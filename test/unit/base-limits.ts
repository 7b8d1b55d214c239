import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'

t.test('every limit is a positive whole number', async t => {
  for (const [name, value] of Object.entries(LIMITS)) t.ok(Number.isSafeInteger(value) && value > 0, name)
})

t.test('what is put into something fits into it', async t => {
  const {
    ackDelayMaxMs,
    ackDelayMinMs,
    backoffMaxMs,
    backoffMinMs,
    controlBytesMax,
    controlQueueMax,
    dataBytesMax,
    doubtMs,
    flightBytesMax,
    flightBytesMin,
    frameBytesMax,
    heartbeatAnswerMs,
    heartbeatMs,
    recordBytesMax,
    recordBytesMin,
    windowBytesMax,
    windowFloorBytes,
  } = LIMITS
  t.ok(recordBytesMax + dataBytesMax <= frameBytesMax, 'a full record with one more piece is one frame')
  t.ok(controlBytesMax < recordBytesMin, 'a control message fits a record')
  t.ok(windowFloorBytes <= recordBytesMin * 2, 'an open and its floor of bytes leave in one flight')
  t.ok(recordBytesMin <= recordBytesMax && recordBytesMax <= flightBytesMin && flightBytesMin <= flightBytesMax)
  t.ok(windowFloorBytes <= windowBytesMax && windowBytesMax <= LIMITS.budgetBytes)
  t.ok(ackDelayMinMs < ackDelayMaxMs && ackDelayMaxMs < doubtMs, 'a delayed acknowledgement is no silence')
  t.ok(heartbeatAnswerMs < heartbeatMs && backoffMinMs < backoffMaxMs)
  t.ok(LIMITS.pingsMax < controlQueueMax, 'pings of ours leave room for answers')
})
