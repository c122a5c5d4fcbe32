// The second, fourth ... of the seeds that once found a bug; the others are kept-odd.test.ts's.
import { testKept } from './kept.ts'

testKept(1)
