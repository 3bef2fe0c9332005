// The Vercel AI SDK at work on one job. Standard input says, in JSON, what is to be done; standard
// output, what the SDK made of it. It knows no more of the proxy than any program would: a base URL.

import { readFileSync } from "node:fs";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, jsonSchema, Output, streamText, tool } from "ai";
import { z } from "zod";

// Warnings are part of what is printed at the end.
globalThis.AI_SDK_LOG_WARNINGS = false;

const job = JSON.parse(readFileSync(0, "utf8"));
const openai = createOpenAI({ baseURL: job.baseURL, apiKey: job.apiKey });
const files = new Map();

const exited = (stdout) => ({ stdout, stderr: "", outcome: { type: "exit", exitCode: 0 } });

// Nothing is run and nothing touches the disk: each says what it was asked for.
const TOOLS = {
  write: tool({
    description: "Writes a file.",
    inputSchema: z.object({ path: z.string(), content: z.string() }),
    execute: async ({ path, content }) => {
      files.set(path, content);
      return `${path}: written`;
    },
  }),
  read: tool({
    description: "Reads a file.",
    inputSchema: z.object({ path: z.string() }),
    execute: async ({ path }) => files.get(path) ?? `${path}: no such file`,
  }),
  query: openai.tools.customTool({
    description: "Runs a query.",
    format: { type: "grammar", syntax: "regex", definition: "SELECT .+" },
    execute: async (input) => `rows of ${input}`,
  }),
  shell: openai.tools.shell({
    execute: async ({ action }) => ({
      output: action.commands.map((command) => exited(`ran ${command}`)),
    }),
  }),
  local_shell: openai.tools.localShell({
    execute: async ({ action }) => ({ output: `ran ${action.command.join(" ")}` }),
  }),
  apply_patch: openai.tools.applyPatch({
    execute: async ({ operation }) => {
      files.set(operation.path, operation.diff ?? "");
      return { status: "completed", output: `${operation.type} ${operation.path}` };
    },
  }),
};

const call = {
  model: openai.responses(job.model),
  instructions: job.system,
  prompt: job.prompt,
  tools: job.tools && Object.fromEntries(job.tools.map((name) => [name, TOOLS[name]])),
  output: job.form && Output.object({ schema: jsonSchema(job.form) }),
  stopWhen: isStepCount(8),
  maxRetries: 0,
  providerOptions: { openai: { store: false, ...job.options } },
};

const outcome = { steps: [], parts: [], logprobs: [], output: null, error: null, warnings: [] };

function failed(error) {
  outcome.error ??= {
    name: error.name,
    message: error.message,
    status: error.statusCode ?? null,
    body: error.responseBody ?? null,
  };
}

// A part of the stream with what it adds, whatever the SDK calls that for its type.
function streamed(part) {
  outcome.parts.push({ type: part.type, text: part.text ?? part.delta ?? "" });
  if (part.type === "error") failed(part.error);
}

try {
  const result = job.streams ? streamText({ ...call, onError: () => {} }) : await generateText(call);
  if (job.streams) for await (const part of result.stream) streamed(part);
  for (const step of await result.steps) {
    outcome.steps.push(step.content);
    outcome.logprobs.push(...(step.providerMetadata?.openai?.logprobs ?? []).flat());
    outcome.warnings.push(...(step.warnings ?? []).map((each) => each.message ?? each.details));
  }
  if (job.form) outcome.output = await result.output;
} catch (error) {
  failed(error);
}
console.log(JSON.stringify({ ...outcome, files: Object.fromEntries(files) }));
