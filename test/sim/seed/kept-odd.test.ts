// The first, third, fifth ... of the seeds that once found a bug; the others are kept-even.test.ts's.
import { testKept } from './kept.ts'

testKept(0)
