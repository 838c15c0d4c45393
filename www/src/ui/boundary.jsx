// A part of the page that fails does not take the rest with it.

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
      <Callout kind="bad" title="This part of the page has failed." role="alert">
        <p>What you typed is kept. <button type="button" class="link" onClick={() => this.setState({ failed: false })}>Show it again</button></p>
      </Callout>
    );
  }
}
