// env.AI of a Worker, over HTTP:  const env = { AI: new AI("http://127.0.0.1:8787", "any token") };
export class AI {
  constructor(url, token, account = "me") {
    this.run = async (model, inputs) => {
      const headers = { authorization: `Bearer ${token}` };
      const request = { method: "POST", headers, body: JSON.stringify(inputs) };
      const response = await fetch(`${url}/client/v4/accounts/${account}/ai/run/${model}`, request);
      const { result, errors } = await response.json();
      if (response.ok) return result;
      const [{ code, message }] = errors; // REST adds this frame to the binding's text
      const text = message.replace(/^AiError: Bad input: (.*) \([\w-]+\)$/, "$1");
      throw Object.assign(new Error(`${code}: ${text}`), { name: "InferenceUpstreamError" });
    };
  }
}
