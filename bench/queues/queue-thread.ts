// A thread that simulates one run after the other.
import { parentPort } from 'node:worker_threads';
import { answerTasks } from '../in-threads.ts';
import { simulateQueues } from './simulate-queues.ts';

answerTasks(parentPort, simulateQueues);
