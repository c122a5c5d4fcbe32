// Every process of a real cloud is killed during everything that users ask of it, alone and with another.
import { strikesAreGotOver } from './host/suite.ts'

strikesAreGotOver('a real cloud whose processes are killed', { kills: 220, ownBroker: false })
strikesAreGotOver('a real cloud whose broker is a process of its own', { kills: 30, ownBroker: true })
