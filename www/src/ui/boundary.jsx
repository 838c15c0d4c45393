// An error boundary: a part of the page that fails doesn't break the rest.

import { Component } from "preact";

import { Callout } from "./callout.jsx";

export class Boundary extends Component {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  /** @param {unknown} error */
  componentDidCatch(error) {
    reportError(error);
  }

  render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Callout kind="bad" title="Something went wrong in this part of the page." role="alert">
        <p>Your input is kept. <button type="button" class="link" onClick={() => this.setState({ failed: false })}>Try again</button></p>
      </Callout>
    );
  }
}
