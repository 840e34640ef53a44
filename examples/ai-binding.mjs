// env.AI of a Worker, over HTTP:  const env = { AI: new AI("http://127.0.0.1:8787", "any token") };
export class AI {
  constructor(url, token, account = "me") {
    Object.assign(this, { url: `${url}/client/v4/accounts/${account}/ai/run/`, token });
  }
  async run(model, inputs) {
    const request = { method: "POST", headers: { authorization: `Bearer ${this.token}` } };
    const response = await fetch(this.url + model, { ...request, body: JSON.stringify(inputs) });
    const { result, errors } = await response.json();
    if (response.ok) return result;
    const text = errors[0].message.replace(/^AiError: Bad input: (.*) \([\w-]+\)$/, "$1");
    throw Object.assign(new Error(`${errors[0].code}: ${text}`), { name: "InferenceUpstreamError" });
  }
}
